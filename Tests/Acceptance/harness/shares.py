"""Who runs which tests, where several processes do (pytest-xdist).

The tests of a file stay together, in their order, so that a gateway is started once for all of
them. Files that take long are cut into shares, so that nobody is left behind with the last one; all
tests of one function are in the same share. What takes longest begins first.
"""

import pathlib
import zlib

from xdist.scheduler import LoadScopeScheduling

#: Seconds that a share is to take at most.
SHARE = 20
#: Seconds of a file that is not listed.
USUAL = 5
#: Seconds, more or less, of the files that take longest, of their tests that are not `long`. An old
#: number only makes the last minute longer.
SECONDS = {
    "test_sessions_unplugged.py": 77, "test_websocket_slow.py": 68, "test_lingering.py": 67,
    "test_smuggled_answers.py": 67, "test_token_algorithms.py": 65, "test_slow_clients.py": 57,
    "test_events_slow.py": 54, "test_abandoned_uploads.py": 50, "test_while_away.py": 50,
    "test_leaving.py": 45, "test_sessions_storm.py": 45, "test_paths.py": 44,
    "test_smuggling.py": 38, "test_websocket_limits.py": 37, "test_state.py": 36,
    "test_sessions_grace.py": 35, "test_token_command.py": 35, "test_websocket_deflate.py": 35,
    "test_reload_rules.py": 34, "test_sessions_limits.py": 34, "test_attempts.py": 33,
    "test_socketio_packets.py": 33, "test_token_revocation.py": 33,
    "test_websocket_deflate_upstream.py": 33, "test_streams.py": 32, "test_drain.py": 30,
    "test_reload.py": 30, "test_clients.py": 29, "test_allow_deny.py": 28,
    "test_access_log.py": 27, "test_proxy_protocol.py": 27, "test_console_openapi.py": 25,
    "test_event_framing.py": 25, "test_live_stream.py": 25, "test_small_apps.py": 25,
    "test_seed_sessions.py": 23, "test_rates.py": 22, "test_live_held.py": 20,
    "test_recipes.py": 20, "test_seed_websocket.py": 20, "test_websocket_between.py": 19,
    "test_websocket_handshake.py": 19, "test_live_control.py": 18, "test_names.py": 18,
    "test_patience.py": 18, "test_report_only.py": 18, "test_state_crash.py": 18,
    "test_bodies.py": 17, "test_documented.py": 16, "test_websocket_frames.py": 15,
    "test_websocket_offers.py": 15,
}  # fmt: skip


def seconds(file):
    return SECONDS.get(pathlib.PurePath(file).name, USUAL)


def share(nodeid):
    """The file of a test, or the part of it that the test's function is in."""
    file, _, rest = nodeid.partition("::")
    count = max(1, round(seconds(file) / SHARE))
    if count == 1:
        return file
    return f"{file} {zlib.crc32(rest.partition('[')[0].encode()) % count + 1} of {count}"


class ShareScheduling(LoadScopeScheduling):
    """Hands out whole shares."""

    def _split_scope(self, nodeid):
        return share(nodeid)
