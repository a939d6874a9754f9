variable "aws_region" {
  type    = string
  default = "us-east-1"
}

variable "project_name" {
  type    = string
  default = "simple-data-hub"
}

variable "raw_data_prefix" {
  type    = string
  default = "collections-data/"
}

variable "glue_version" {
  type    = string
  default = "5.0"
}

variable "database_name" {
  type    = string
  default = "collections_db"
}

variable "staging_table" {
  type    = string
  default = "collections_data_staging"
}
