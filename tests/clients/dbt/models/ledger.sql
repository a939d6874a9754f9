{{ config(materialized='incremental', table_type='iceberg', incremental_strategy='merge', unique_key='id',
          partitioned_by=['day(at)'], format='parquet') }}
select id, customer, amount, cast(day as timestamp) as at from {{ ref('stg_orders') }}
