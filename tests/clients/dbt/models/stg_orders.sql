{{ config(materialized='view') }}
select id, customer, cast(amount as decimal(10, 2)) as amount, cast(day as date) as day from {{ ref('orders') }}
