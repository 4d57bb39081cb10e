{#-
    Pre-hook of a model whose rows are made of all posts that share a key: note the keys that the
    posts of touched slices have now or had when this model was last built, in a table that lives as
    long as the model's transaction. A post may have moved to another day, so it is looked for by its
    own key as well.
    `first_columns`: the columns of `this` that name the post a row was made of.
-#}
{% macro note_touched_keys(key, upstream) -%}
    {%- if is_incremental() %}
    create temporary table touched_keys on commit drop as
    select posts.{{ key }} as touched_key
    from {{ upstream }} as posts
    where
        (posts.channel_username, posts.message_date) in ({{ touched_slices() }})
        and posts.{{ key }} is not null
    union
    select before.{{ key }} as touched_key
    from {{ this }} as before
    where (before.channel_username, before.message_date) in ({{ touched_slices() }})
    union
    select before.{{ key }} as touched_key
    from {{ this }} as before
    where before.message_pk in (
        select posts.message_pk
        from {{ upstream }} as posts
        where (posts.channel_username, posts.message_date) in ({{ touched_slices() }})
    );
    analyze touched_keys;
    {%- endif %}
{%- endmacro %}


{#- Pre-hook, after `note_touched_keys`: take out the rows with those keys. -#}
{% macro delete_touched_keys(key) -%}
    {%- if is_incremental() %}
    delete from {{ this }}
    where {{ key }} in (select touched_keys.touched_key from touched_keys);
    {%- endif %}
{%- endmacro %}


{#- Pre-hook: forget the rows that stand only to say that they ended, once every model knows. -#}
{% macro delete_settled(still_true) -%}
    {%- if is_incremental() %}
    delete from {{ this }}
    where
        {{ build_id() }} is not null
        and not {{ still_true }}
        and changed_in_build not in ({{ unfinished_builds() }});
    {%- endif %}
{%- endmacro %}


{#-
    Pre-hook of int_post_traits: take out the posts of touched slices, where they stood before as well.
    Posts that another one changes are replaced by their key.
-#}
{% macro delete_touched_traits() -%}
    {%- if is_incremental() %}
    delete from {{ this }}
    where (channel_username, message_date) in ({{ touched_slices() }});
    {%- endif %}
{%- endmacro %}


{#-
    Pre-hook of fct_distinct_offers, after `note_touched_posts`: take out the offers that touched posts
    make, and those that they made before.
-#}
{% macro delete_touched_offers() -%}
    {%- set changed_offers = ref('int_changed_offers') -%}
    {%- set offers = ref('fct_offers') -%}
    {%- if is_incremental() %}
    create temporary table touched_offers on commit drop as
    select changed_offers.distinct_offer_key
    from {{ changed_offers }} as changed_offers
    where changed_offers.changed_in_build in ({{ unfinished_builds() }})
    union
    select offers.distinct_offer_key
    from {{ offers }} as offers
    where offers.message_pk in ({{ touched_posts() }});
    analyze touched_offers;
    delete from {{ this }}
    where distinct_offer_key in (select touched_offers.distinct_offer_key from touched_offers);
    {%- endif %}
{%- endmacro %}


{#- fct_offers as the build before left it, for a model that stands before it: no ref. -#}
{% macro offers_before() -%}
    {{ api.Relation.create(database=target.database, schema='marts', identifier='fct_offers') }}
{%- endmacro %}
