"""A private sshd on loopback with keys and settings of its own, for scp, sftp and rsync."""
from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
from pathlib import Path

from tests.bench.dync_server import HOST, PATIENCE
from tests.e2e.config import free_port
from tests.e2e.timing import wait_until

CIPHER = "aes128-gcm@openssh.com"  # the fastest it has
ALIAS = "receiver"  # what the clients call it
SSHD = "/usr/sbin/sshd"  # it wants its whole path
SEPARATION = Path("/run/sshd")  # Debian's sshd wants it when root starts it


class SshServer:
    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, mode=0o700)
        self._home = home
        (home / "empty").mkdir()
        self._port = free_port()
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / name], check=True)
        shutil.copy(home / "user.pub", home / "authorized")
        host_key = (home / "host.pub").read_text()
        (home / "known").write_text(f"[{HOST}]:{self._port} {host_key}")
        (home / "sshd_config").write_text(self._server_config())
        self.config = home / "ssh_config"
        self.config.write_text(self._client_config())
        self._start()

    def _server_config(self) -> str:
        """HOME is an empty one: what a user's shell does at its start is not measured."""
        return f"""\
ListenAddress {HOST}:{self._port}
HostKey {self._home}/host
AuthorizedKeysFile {self._home}/authorized
PidFile none
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
UseDNS no
Ciphers {CIPHER}
MaxStartups 1000
LogLevel ERROR
SetEnv HOME={self._home}/empty
Subsystem sftp /usr/lib/openssh/sftp-server
"""

    def _client_config(self) -> str:
        return f"""\
Host {ALIAS}
  HostName {HOST}
  Port {self._port}
  User {getpass.getuser()}
  IdentityFile {self._home}/user
  IdentitiesOnly yes
  UserKnownHostsFile {self._home}/known
  StrictHostKeyChecking yes
  Ciphers {CIPHER}
  Compression no
  BatchMode yes
  LogLevel ERROR
"""

    def _start(self) -> None:
        if os.geteuid() == 0:
            SEPARATION.mkdir(mode=0o755, exist_ok=True)
        with open(self._home / "sshd.log", "ab") as log:
            self._process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(self._home / "sshd_config")],
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._answers, PATIENCE, "sshd answers")
        subprocess.run(["ssh", "-F", self.config, ALIAS, "true"], check=True, stdin=subprocess.DEVNULL)

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"sshd ended: {(self._home / 'sshd.log').read_text()}")
        try:
            with socket.create_connection((HOST, self._port), 1) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)
