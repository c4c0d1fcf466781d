# The settings of an overlay of deploy/kubernetes.

output "log" {
  description = "MILLRACE_LOG, without user and password"
  value       = "kafka://${aws_msk_cluster.this.bootstrap_brokers_sasl_scram}?replication=3&tls=true"
}

output "views" {
  description = "MILLRACE_VIEWS, without the password"
  value       = "rediss://${aws_elasticache_replication_group.this.primary_endpoint_address}:6379"
}

output "storage" {
  description = "MILLRACE_STORAGE"
  value       = "s3://${aws_s3_bucket.files.bucket}"
}

output "object_store_region" {
  description = "MILLRACE_OBJECT_STORE_REGION"
  value       = data.aws_region.this.region
}

output "object_store_user" {
  description = "Whose access key the secret millrace has"
  value       = aws_iam_user.files.name
}
