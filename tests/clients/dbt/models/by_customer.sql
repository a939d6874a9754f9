{{ config(format='parquet') }}
with every as (select * from {{ ref('stg_orders') }})
select customer, sum(amount) as total, count(*) as orders from every group by customer
