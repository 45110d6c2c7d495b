{{ unsound_rows(
    'tableau',
    keys={
        'stg_tableau__workbooks': ['source', 'workbook_id'],
        'stg_tableau__views': ['source', 'view_id'],
        'stg_tableau__users': ['source', 'user_id'],
        'stg_tableau__projects': ['source', 'project_id'],
    },
    never={
        'tableau_workbook': ['workbook_id is null'],
        'tableau_view': ['view_id is null'],
        'tableau_historical_access': uncountable_access(kinds=true),
    }
) }}
