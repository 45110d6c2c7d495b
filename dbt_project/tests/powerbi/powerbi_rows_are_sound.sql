{{ unsound_rows(
    'powerbi',
    keys={
        'stg_powerbi__reports': ['source', 'report_id'],
        'stg_powerbi__dashboards': ['source', 'dashboard_id'],
        'stg_powerbi__workspaces': ['source', 'workspace_id'],
        'stg_powerbi__users': ['source', 'user_id'],
    },
    never={
        'powerbi_historical_access': uncountable_access(),
    }
) }}
