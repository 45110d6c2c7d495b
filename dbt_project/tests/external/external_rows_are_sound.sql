{{ unsound_rows(
    'external',
    keys={
        'stg_external__visuals': ['source', 'visual_type', 'visual_id'],
        'stg_external__users': ['source', 'user_id'],
    },
    never={
        'external_visual': ['visual_id is null'],
        'external_historical_access': uncountable_access(),
    }
) }}
