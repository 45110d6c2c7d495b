{{ stale_platform('looker') }}
