{{ stale_platform('powerbi') }}
