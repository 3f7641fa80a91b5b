module github.com/external-secrets/external-secrets/apis

go 1.26.0

require k8s.io/apimachinery v0.34.1
