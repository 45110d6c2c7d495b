{{ unsound_rows(
    'domo',
    keys={
        'stg_domo__pages': ['source', 'page_id'],
        'stg_domo__cards': ['source', 'card_id'],
        'stg_domo__users': ['source', 'user_id'],
    },
    never={
        'domo_page': ['page_id is null'],
        'domo_card': ['card_id is null'],
        'domo_historical_access': uncountable_access(kinds=true),
    }
) }}
