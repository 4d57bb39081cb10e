from medwh_assets.cli import after_interrupt


def test_an_interrupt_tells_of_each_command_what_is_true_of_it() -> None:
    assert "same command again" in after_interrupt(["run", "--limit", "3"])
    assert "same command again" in after_interrupt([])
    assert after_interrupt(["login", "--qr"]) == "Interrupted. Nobody was logged in by this."
    assert "Nothing of this training" in after_interrupt(["train", "folder"])
