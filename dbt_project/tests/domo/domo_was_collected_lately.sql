{{ stale_platform('domo') }}
