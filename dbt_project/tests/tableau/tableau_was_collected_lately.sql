{{ stale_platform('tableau') }}
