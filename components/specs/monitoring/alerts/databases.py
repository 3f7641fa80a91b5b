"""Databases that agents use; one alert a database of the catalog that an exporter watches."""

from __future__ import annotations

from components.specs.monitoring.alert import Alert, Runbook, Step, query

ALERTS = (
    Alert(
        name="DatabaseDown",
        scope="platform",
        cause="availability",
        severity="critical",
        # <up>: pg_up or redis_up. Exporters are scraped far from each other: one gap is no failure.
        expression='min by (job) (<up>{job="<job>"}) == 0 or absent_over_time(<up>{job="<job>"}[5m])',
        minutes=2,
        keep_minutes=5,
        dashboard="overview",
        summary="the database <database> of <environment> is down, or its exporter {{ $labels.job }} is silent",
        runbook=Runbook(
            meaning=(
                "The exporter of a database cannot connect to it (pg_up or redis_up is 0), or Prometheus has "
                "had nothing from the exporter in five minutes."
            ),
            impact=(
                "Agents with this database in storage.databases fail or forget; without Redis each pod of the fastapi "
                "runtime counts limits and budgets alone."
            ),
            look=(
                query("Down, or not watched?", "pg_up == 0 or redis_up == 0 or up == 0"),
                Step("Is the database there?", "kubectl --namespace data get pods"),
                Step("Which agents use it? Their definitions name it.", "git grep -n databases: -- agents"),
            ),
            act=(
                Step("Bring the database back: disk, memory, its operator; a managed one by its provider's console."),
                Step("Too many connections: restart the agents that hold most, or raise its limit."),
                Step(
                    "Just the exporter: restart it, or renew its credential. Was it renamed? `job` in "
                    "agents/catalog/databases.yaml says which one is expected."
                ),
            ),
        ),
    ),
)
