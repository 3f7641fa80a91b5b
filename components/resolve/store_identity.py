"""Who asks an environment's secret store, as the store's cloud knows it."""

from __future__ import annotations

from components.definition.secret_stores import POOL, AwsStore, AzureStore, GcpStore, SecretSettings


def store_identity(settings: SecretSettings, who: str) -> dict[str, str]:
    """The annotation by which a cloud knows whom the reader's ServiceAccount stands for; none where it needs none.

    `who`: the pool, or `platform`.
    """
    match settings.store:
        case AwsStore(role=role):
            return {"eks.amazonaws.com/role-arn": role.replace(POOL, who)}
        case GcpStore(service_account=str(account)):
            return {"iam.gke.io/gcp-service-account": account.replace(POOL, who)}
        case AzureStore() as store:
            client = (store.clients or {}).get(who, store.client)
            return {"azure.workload.identity/client-id": client} if client else {}
    return {}
