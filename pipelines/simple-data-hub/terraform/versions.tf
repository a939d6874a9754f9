terraform {
  required_version = ">= 1.0"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

# The endpoint and the credentials come from the environment (AWS_ENDPOINT_URL …): the same files deploy to AWS.
provider "aws" {
  region = var.aws_region
}
