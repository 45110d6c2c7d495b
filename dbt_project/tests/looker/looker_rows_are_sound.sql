{{ unsound_rows(
    'looker',
    keys={
        'stg_looker__dashboards': ['source', 'dashboard_id'],
        'stg_looker__looks': ['source', 'look_id'],
        'stg_looker__users': ['source', 'user_id'],
    },
    never={
        'looker_historical_access': uncountable_access(),
    }
) }}
