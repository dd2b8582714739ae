"""The Alertmanager configuration, as text."""

from __future__ import annotations

import json

from stagenorm.observe.rules.watched import Watched

_TEMPLATE = """\
# Written by: stagenorm rules write. Take route and receivers over into your own alertmanager.yml, or use it as it is.
route:
  receiver: stagenorm-people
  group_by: [alertname, endpoint]
  group_wait: 5s
  group_interval: 10s
  repeat_interval: 4h
  routes:
    # Every second counts on the way back to warn, and a delivery that failed is sent again with the next group.
    - receiver: stagenorm-downgrade
      matchers: [stagenorm="downgrade"]
      group_wait: 0s
      repeat_interval: 5m
      continue: true
    # A service that calls you when this stops: give the receiver its URL.
    - receiver: stagenorm-dead-mans-switch
      matchers: [alertname="StagenormDeadMansSwitch"]
      group_wait: 0s
      group_interval: 1m
      repeat_interval: 1m
    # What pulls back goes to people as well; a parent's receiver gets only what no child takes.
    - receiver: stagenorm-people
receivers:
  - name: stagenorm-people
  - name: stagenorm-dead-mans-switch
  - name: stagenorm-downgrade
    webhook_configs:
      - url: {url}
        send_resolved: false
        http_config:
          follow_redirects: false
          authorization:
            type: Bearer
            # Holds what STAGENORM_ALERTMANAGER_TOKEN holds at the service.
            credentials_file: /etc/alertmanager/stagenorm.token
"""


def alertmanager_route(watched: Watched) -> str:
    """The file ``observability/alertmanager/stage-validation.yml``.

    Args:
        watched: the service.
    """
    return _TEMPLATE.format(url=json.dumps(f"{watched.ops_url.rstrip('/')}/webhooks/alertmanager"))
