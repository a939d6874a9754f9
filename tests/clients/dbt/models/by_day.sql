{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partitioned_by=['day'], format='parquet') }}
select customer, amount, day from {{ ref('stg_orders') }}
{% if is_incremental() %} where day >= (select max(day) from {{ this }}) {% endif %}
