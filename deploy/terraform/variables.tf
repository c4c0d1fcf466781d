variable "name" {
  description = "Name of the installation, which begins the names of all that belongs to it."
  type        = string
  default     = "millrace"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.name))
    error_message = "The name has 2 to 21 characters: a letter, then letters, digits and hyphens."
  }
}

variable "vpc_id" {
  description = "Network of the cluster that Millrace runs on."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, one in each of three zones."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) == 3
    error_message = "Kafka keeps three copies, each in a zone of its own."
  }
}

variable "client_security_group_id" {
  description = "Security group of the cluster's nodes."
  type        = string
}

variable "broker_type" {
  description = "Instance type of a broker."
  type        = string
  default     = "kafka.m7g.large"
}

variable "broker_volume_gib" {
  description = "Disk of a broker, GiB."
  type        = number
  default     = 500
}

variable "redis_type" {
  description = "Node type of Redis: its memory holds the rows of all users and items."
  type        = string
  default     = "cache.r7g.large"
}

variable "kafka_password" {
  description = "Password of the user millrace on Kafka."
  type        = string
  sensitive   = true
}

variable "redis_password" {
  description = "Password of Redis, 16 to 128 characters."
  type        = string
  sensitive   = true
}
