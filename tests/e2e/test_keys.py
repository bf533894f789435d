"""Keys: made by dync-keygen or by pyzmq, listed and revoked while the server runs."""
from __future__ import annotations

from typing import Callable, Optional

from tests.e2e.harness import Sender, ServerTest, main, program, run
from tests.e2e.timing import promise
from tests.peer import keys, wire
from tests.peer.raw import RawPeer

EFFECT = 2.0  # promised: a change in clients/ takes effect within 2 s


class KeysTest(ServerTest):
    EXPECTED_ERRORS = (r"broken.*\.key", r"clients")

    def gets_in(self, sender: Sender) -> bool:
        with sender.raw() as peer:
            return peer.await_handshake(20)

    def test_a_key_is_added_and_removed(self) -> None:
        sender = self.another_sender("user2", listed=False)
        self.assertFalse(self.gets_in(sender))
        sender.list_key()
        promise("an added key gets in", EFFECT, lambda: self.gets_in(sender))
        file = self.file("theirs.bin", 1000)
        self.assert_sent(sender.send(file))
        self.assertEqual(self.assert_stored(file, "any")["origin"], "user2")
        sender.revoke_key()
        promise("a removed key is refused", EFFECT, lambda: not self.gets_in(sender))
        self.assertTrue(self.gets_in(self.sender), "the others stay valid")

    def test_revoked_in_the_middle_of_a_session(self) -> None:
        with self.sender.raw() as peer:
            peer.ask(wire.post_file("revoked.bin", b"{}", {"dync": 2, "key": "ab" * 16}), wire.UploadApproved)
            peer.send(wire.post_chunk(0, b"data"))
            self.sender.revoke_key()

            def refused() -> Optional[wire.Error]:
                peer.send(wire.query_status())
                message = peer.receive(0.05)
                return message if isinstance(message, wire.Error) else None

            error = promise("a revoked key hears 403", EFFECT, refused)
            self.assertEqual(error.code, 403, error.message)
        self.assertEqual(list(self.server.dropbox("any").iterdir()), [])

    def test_a_revoked_connection_opens_nothing(self) -> None:
        with self.sender.raw() as peer:
            self.assertTrue(peer.await_handshake(20))
            self.sender.revoke_key()
            promise("the key is out", EFFECT, lambda: not self.gets_in(self.sender))
            error = peer.ask(wire.post_file("late.bin"), wire.Error)
            self.assertEqual(error.code, 403, error.message)
        self.assertEqual(self.server.ledger.uploads(), [])

    def replace_key(self, user: str) -> keys.KeyPair:
        """Another key for `user`, made by pyzmq, takes the place of user1's."""
        made = keys.create(self.server.home / "new", "client", user)
        self.write_listed((self.server.home / "new" / "client.key").read_text())
        return made

    def write_listed(self, text: str) -> None:
        listed = self.server.layout.keys / "clients" / "user1.key"
        temporary = listed.with_name(".new")
        temporary.write_text(text)
        temporary.rename(listed)

    def assert_session_ends(self, what: str, change: Callable[[], object]) -> None:
        """An upload that runs hears 403 at its next message."""
        with self.sender.raw() as peer:
            peer.ask(wire.post_file("ended.bin"), wire.UploadApproved)
            peer.send(wire.post_chunk(0, b"data"))
            change()
            promise(what, EFFECT, lambda: self.code_of_answer(peer) == 403)
        self.assertEqual(list(self.server.dropbox("any").iterdir()), [])

    @staticmethod
    def code_of_answer(peer: RawPeer) -> Optional[int]:
        peer.send(wire.query_status())
        message = peer.receive(0.05)
        return message.code if isinstance(message, wire.Error) else None

    def test_a_replaced_key_ends_the_connections_of_the_old_one(self) -> None:
        self.assert_session_ends("the old key's session hears 403", lambda: self.replace_key("user1"))

    def test_a_key_that_becomes_another_users_ends_its_sessions(self) -> None:
        listed = (self.server.layout.keys / "clients" / "user1.key").read_text()
        self.assert_session_ends("the session of the old name hears 403",
                                 lambda: self.write_listed(listed.replace("user1", "user7")))
        file = self.file("renamed.bin", 10)
        self.assert_sent(self.sender.send(file))
        self.assertEqual(self.assert_stored(file, "any")["origin"], "user7")

    def test_a_key_that_is_written_badly_ends_only_its_own(self) -> None:
        other = self.another_sender("user2")
        promise("user2 gets in", EFFECT, lambda: self.gets_in(other))
        self.assert_session_ends("the session of the broken key hears 403", lambda: self.write_listed("broken\n"))
        self.assertTrue(self.gets_in(other))

    def test_while_the_directory_is_away_the_last_keys_count(self) -> None:
        clients = self.server.layout.keys / "clients"
        clients.rename(clients.with_name("away"))
        promise("the log tells it", EFFECT, lambda: "client.keys_unreadable" in self.server.log())
        self.assert_sent(self.sender.send(self.file("away.bin", 10)))
        clients.with_name("away").rename(clients)
        sender = self.another_sender("user2")
        promise("a key that comes later gets in", EFFECT, lambda: self.gets_in(sender))

    def test_a_start_asks_whether_a_stranger_is_refused(self) -> None:
        config = self.server.layout.config
        config.write_text(config.read_text().replace("root: {level: INFO", "root: {level: DEBUG"))
        self.server.restart()
        log = self.server.log()
        self.assertLess(log.index("self_test.refused"), log.rindex("server.ready"))

    def test_a_replaced_key(self) -> None:
        old = self.sender.keys
        made = self.replace_key("user1")

        def gets_in(pair: keys.KeyPair) -> bool:
            with RawPeer(self.server.address, self.server.public_key, pair) as peer:
                return peer.await_handshake(20)

        promise("the new key, made by pyzmq, gets in", EFFECT, lambda: gets_in(made))
        self.assertFalse(gets_in(old))

    def test_broken_files_are_skipped_with_an_error(self) -> None:
        clients = self.server.layout.keys / "clients"
        twin = keys.create(self.server.home / "twin", "client", "user8")
        text = (self.server.home / "twin" / "client.key").read_text()
        (clients / "broken1.key").write_text(text.replace('user_id = "user8"', ""))
        (clients / "broken2.key").write_text(text.replace(twin.public.decode(), twin.public.decode()[:-1]))
        (clients / "broken3.key").write_text(text)
        (clients / "broken4.key").write_text(text.replace("user8", "user9"))
        for name in ("broken1.key", "broken2.key", "broken3.key", "broken4.key"):
            promise(f"the log names {name}", EFFECT, lambda: name in self.server.log())
        self.assertTrue(self.gets_in(self.sender), "the others stay valid")
        with RawPeer(self.server.address, self.server.public_key, twin) as peer:
            self.assertFalse(peer.await_handshake(20), "a key that two users claim is nobody's")


class KeygenTest(ServerTest):
    def test_what_pyzmq_reads(self) -> None:
        directory = self.lab / "made"
        made = run([program("dync-keygen"), "client", "-u", "ada@lab.org", "-d", directory], self.lab)
        self.assertEqual(made.returncode, 0, made.stderr)
        pair = keys.load(directory / "client.key_secret")
        self.assertEqual(keys.load_public(directory / "client.key"), pair.public)
        self.assertEqual(keys.user_of(directory / "client.key"), "ada@lab.org")
        self.assertEqual((directory / "client.key_secret").stat().st_mode & 0o777, 0o600)
        self.assertNotIn("secret-key", (directory / "client.key").read_text())

    def test_it_never_overwrites(self) -> None:
        before = (self.sender.config_dir / "client.key_secret").read_bytes()
        again = run([program("dync-keygen"), "client", "-u", "user1", "-d", self.sender.config_dir], self.lab)
        self.assertEqual(again.returncode, 1)
        self.assertIn("client.key", again.stderr)
        self.assertEqual((self.sender.config_dir / "client.key_secret").read_bytes(), before)

    def test_a_bad_user_id(self) -> None:
        for user in ("", "a b", "a/b", "x" * 65, "ü"):
            with self.subTest(user):
                made = run([program("dync-keygen"), "client", "-u", user, "-d", self.lab / "bad"], self.lab)
                self.assertNotEqual(made.returncode, 0)
                self.assertFalse((self.lab / "bad" / "client.key").exists())

    def test_fingerprints_are_equal_for_both_files(self) -> None:
        files = ("client.key", "client.key_secret")
        told = [run([program("dync-keygen"), "fingerprint", self.sender.config_dir / file], self.lab) for file in files]
        self.assertEqual([done.returncode for done in told], [0, 0])
        self.assertEqual(told[0].stdout.split()[0], told[1].stdout.split()[0])

    def test_a_secret_that_others_can_read_is_refused(self) -> None:
        secret = self.sender.config_dir / "client.key_secret"
        for mode in (0o640, 0o604):
            secret.chmod(mode)
            done = self.sender.send(self.file(f"secret{mode}.bin", 10))
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("client.key_secret", done.stderr)
        secret.chmod(0o400)
        self.assert_sent(self.sender.send(self.file("secret.bin", 10)))

    def test_an_unknown_server_is_refused_before_the_first_byte(self) -> None:
        (self.sender.config_dir / "server.key").unlink()
        done = self.sender.send(self.file("unknown.bin", 10))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("server.key", done.stderr)

    def test_a_known_server_wins_over_server_key(self) -> None:
        known = self.sender.config_dir / "known_servers"
        known.mkdir()
        (self.sender.config_dir / "server.key").rename(known / f"127.0.0.1_{self.server.port}.key")
        keys.create(self.lab / "wrong", "server")
        (self.lab / "wrong" / "server.key").rename(self.sender.config_dir / "server.key")
        file = self.file("known.bin", 10)
        self.assert_sent(self.sender.send(file))
        self.assert_stored(file, "any")


if __name__ == "__main__":
    main()
