"""The first signal asks, the second insists, and handlers come back."""

import signal
import threading

import pytest

from dl_runner.runtime.interrupt import StopRequest, stop_on_signals

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture(autouse=True)
def before():
    handlers = [signal.getsignal(number) for number in SIGNALS]
    yield handlers
    assert [signal.getsignal(number) for number in SIGNALS] == handlers


def test_a_request_is_false_until_it_is_set():
    assert not StopRequest()
    assert StopRequest(signal.SIGINT)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_sets_the_request(number):
    with stop_on_signals() as request:
        assert not request
        signal.raise_signal(number)
        assert request and request.signal_number == number


@pytest.mark.parametrize("second", SIGNALS)
@pytest.mark.parametrize("first", SIGNALS)
def test_the_second_signal_raises(first, second, before):
    with stop_on_signals() as request:
        signal.raise_signal(first)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(second)
        assert request.signal_number == first
    assert [signal.getsignal(number) for number in SIGNALS] == before


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_handlers_come_back_after_an_error(error, before):
    with pytest.raises(error), stop_on_signals():
        assert [signal.getsignal(number) for number in SIGNALS] != before
        raise error
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_request_does_not_outlive_its_context():
    with stop_on_signals() as one:
        signal.raise_signal(signal.SIGINT)
    with stop_on_signals() as other:
        assert one and not other


def test_outside_the_main_thread_nothing_is_installed(before):
    seen = []

    def work():
        with stop_on_signals() as request:
            seen.extend([bool(request), [signal.getsignal(number) for number in SIGNALS]])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False, before]
