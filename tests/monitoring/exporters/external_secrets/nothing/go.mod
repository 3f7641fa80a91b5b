module github.com/external-secrets/external-secrets/runtime

go 1.26.0
