"""What a newcomer reads when the stack is up."""

from pathlib import Path

from local_stack.stack_file import NAME, StackFile

TEXT = """
All parts are ready.

  API          {api_url}   (documentation: {api_url}/schema)
  callbacks    {gateway_url}/webhooks/…
  VPS          {vps_url}   ({vps_kind})
  NATS         URL with password in {stack_file}
  PostgreSQL   URL with password in {stack_file}
  keys         {stack_file}
  logs         {logs}/

Send a campaign, then ask how it went (put the broadcast_id of the answer in place of ID):

  KEY=$(python3 -c 'import json; print(json.load(open("{stack_file}"))["api_key"])')
  curl -s {api_url}/api/campaigns -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \\
    -d '{{"session_id":"wa_demo","message":"Hello","recipients":[{{"phone":"+972501234567"}}]}}'
  curl -s {api_url}/api/campaigns/ID -H "Authorization: Bearer $KEY"

Ctrl-C stops all. A part that dies is started again.
"""


def welcome(stack: StackFile, data_dir: Path) -> str:
    """Return the text."""
    return TEXT.format(
        api_url=stack.api_url,
        gateway_url=stack.gateway_url,
        vps_url=stack.vps_url,
        vps_kind="a simulator" if "simulator" in stack.pids else "given",
        stack_file=data_dir / NAME,
        logs=data_dir / "logs",
    )
