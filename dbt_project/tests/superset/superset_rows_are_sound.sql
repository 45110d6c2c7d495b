{{ unsound_rows(
    'superset',
    keys={
        'stg_superset__dashboards': ['source', 'uuid'],
        'stg_superset__charts': ['source', 'uuid'],
        'stg_superset__users': ['source', 'user_id'],
    },
    never={
        'superset_dashboard': ['uuid is null'],
        'superset_chart': ['uuid is null'],
        'superset_historical_access': uncountable_access(kinds=true),
    }
) }}
