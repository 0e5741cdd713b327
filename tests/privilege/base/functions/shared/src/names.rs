//! The tables that there are.

use crate::table::{IndexName, TableName};

#[derive(Debug)]
pub struct Orders;

impl TableName for Orders {
    const NAME: &'static str = "orders";
}

#[derive(Debug)]
pub struct Customers;

impl TableName for Customers {
    const NAME: &'static str = "customers";
}

#[derive(Debug)]
pub struct ByStatus;

impl IndexName for ByStatus {
    type Table = Orders;
    const NAME: &'static str = "by-status";
}
