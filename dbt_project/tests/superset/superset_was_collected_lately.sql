{{ stale_platform('superset') }}
