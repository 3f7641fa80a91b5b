"""What a notification says: what, which agent, whose, since when, and where to go on. One look for all receivers.

The texts are Go templates over Alertmanager's data. None calls another, so that each can stand in the file of templates
(`{{ template "roster.title" . }}`) or in a receiver itself, which is all that an AlertmanagerConfig allows.
"""

from __future__ import annotations

# Names of agents are unique, so that a title needs no namespace.
_TITLE = (
    '{{ if eq .Status "firing" }}{{ or .CommonLabels.severity "alert" | toUpper }}{{ else }}RESOLVED{{ end }} '
    '{{ or .CommonLabels.alertname .CommonLabels.cause "alerts" }}: '
    '{{ with .CommonLabels }}{{ or .agent_id .pool "platform" }}{{ with .environment }} ({{ . }}){{ end }}{{ end }}'
)
_SUMMARY = "{{ or .Annotations.summary .Labels.alertname }}"
_MORE = "{{ with .Annotations.description }}"
# For an agent, a pool or the platform: which it is.
_WHO = (
    "{{ with .Labels }}{{ if .agent_id }}Agent: {{ .namespace }}/{{ .agent_id }}"
    "{{ else if .pool }}Pool: {{ .pool }}{{ else }}Platform{{ end }}"
    "{{ with .environment }} in {{ . }}{{ end }}{{ end }}"
)
_OWNER = 'Owner: {{ or .Labels.owner "nobody" }}'
_SINCE = (
    'Since: {{ .StartsAt.UTC.Format "2006-01-02 15:04 UTC" }}'
    '{{ if eq .Status "resolved" }}, over at {{ .EndsAt.UTC.Format "15:04" }}{{ end }}'
)
# Annotation → what its link is called.
LINKS = {"runbook_url": "Runbook", "dashboard_url": "Dashboard", "changes_url": "Changes"}


def _links(form: str) -> str:
    """The links that an alert has. In `form` NAME stands for what a link is called."""
    return "".join(
        f"{{{{ with .Annotations.{name} }}}}{form.replace('NAME', text)}{{{{ end }}}}" for name, text in LINKS.items()
    )


def _for_slack(value: str) -> str:
    """A template of a value with the three characters replaced that Slack reads as its own."""
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        value = f'reReplaceAll "{sign}" "{entity}" ({value})'
    return f"{{{{ {value} }}}}"


_PLAIN = (
    f"{{{{ range .Alerts }}}}{_SUMMARY}\n{_MORE}{{{{ . }}}}\n{{{{ end }}}}"
    f"{_WHO}\n{_OWNER}\n{_SINCE}\n{_links('NAME: {{ . }}' + chr(10))}\n{{{{ end }}}}"
)
_SLACK = (
    f"{{{{ range .Alerts }}}}*{_for_slack('or .Annotations.summary .Labels.alertname')}*\n"
    f"{_MORE}{_for_slack('.')}\n{{{{ end }}}}"
    f"{_WHO} · {_OWNER} · {_SINCE}\n{_links('<{{ . }}|NAME> ')}\n{{{{ end }}}}"
)
_HTML = (
    '{{ range .Alerts }}<h3 style="color:{{ if eq .Status "resolved" }}#2e7d32'
    '{{ else if eq .Labels.severity "critical" }}#c62828{{ else }}#b26a00{{ end }}">'
    f"{_SUMMARY}</h3>{_MORE}<p>{{{{ . }}}}</p>{{{{ end }}}}"
    f"<p>{_WHO}<br>{_OWNER}<br>{_SINCE}</p><p>" + _links('<a href="{{ . }}">NAME</a> ') + "</p>{{ end }}"
)
_COLOR = (
    '{{ if eq .Status "resolved" }}good'
    '{{ else if eq .CommonLabels.severity "critical" }}danger'
    "{{ else }}warning{{ end }}"
)

# Template name → Go template.
TEMPLATES: dict[str, str] = {
    "roster.title": _TITLE,
    "roster.text": _PLAIN,
    "roster.slack": _SLACK,
    "roster.html": _HTML,
    "roster.color": _COLOR,
}


def templates_file() -> str:
    """The file that `templates` of Alertmanager's configuration names."""
    return "".join(f'{{{{ define "{name}" }}}}{text}{{{{ end }}}}\n' for name, text in TEMPLATES.items())


def call(name: str) -> str:
    """The text that stands for a template of the file."""
    return f'{{{{ template "{name}" . }}}}'


# Each call, and the text that says the same by itself.
INLINE: dict[str, str] = {call(name): text for name, text in TEMPLATES.items()}


def link(annotation: str) -> str:
    """The link of the first alert; empty where it has none."""
    return f"{{{{ (index .Alerts 0).Annotations.{annotation} }}}}"
