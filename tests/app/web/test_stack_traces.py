import traceback

from app.web.stack_traces import StackFrame, parse_stack_trace

TRACE = """Traceback (most recent call last):
  File "/srv/thicket/domain/ticket.py", line 5, in assign
    raise KeyError("first")
KeyError: 'first'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/usr/lib/python3.11/threading.py", line 975, in run
    self._target()
  File "/srv/thicket/app/relay.py", line 12, in publish
    self._send(
    ~~~~~~~~~~^
        message)
  File "/srv/thicket/.venv/lib/python3.11/site-packages/kombu/messaging.py", line 190, in publish
    return _publish()
  File "<frozen importlib._bootstrap>", line 1, in load
ValueError: two lines
of explanation
"""


def test_own_code_comes_first_and_libraries_are_counted() -> None:
    trace = parse_stack_trace(TRACE, root="/srv/thicket")

    assert trace.own_frames == (
        StackFrame(
            path="app/relay.py",
            line=12,
            function="publish",
            source="self._send(\n    message)",
            library=None,
        ),
    )
    assert trace.library_frames == 3
    assert trace.library_names == ("kombu", "python")


def test_the_last_of_chained_exceptions_is_the_one_that_counts() -> None:
    trace = parse_stack_trace(TRACE)

    assert trace.error == "ValueError: two lines\nof explanation"
    assert trace.text == TRACE


def test_what_python_itself_prints_is_understood() -> None:
    try:
        raise LookupError("nobody is on duty")
    except LookupError:
        text = traceback.format_exc()

    trace = parse_stack_trace(text)

    assert trace.error == "LookupError: nobody is on duty"
    assert [frame.function for frame in trace.own_frames] == [
        "test_what_python_itself_prints_is_understood"
    ]
    assert trace.own_frames[0].source == 'raise LookupError("nobody is on duty")'


def test_text_that_is_no_trace_is_kept_as_it_is() -> None:
    trace = parse_stack_trace("the process was killed")

    assert (trace.error, trace.frames) == ("the process was killed", ())
    assert parse_stack_trace("").error == ""


def test_an_endless_recursion_keeps_the_frames_nearest_to_the_error() -> None:
    frames = "".join(f'  File "/a.py", line {n}, in f\n    f()\n' for n in range(1, 1500))

    trace = parse_stack_trace(f"Traceback (most recent call last):\n{frames}RecursionError: deep")

    assert len(trace.frames) == 200
    assert trace.own_frames[0].line == 1499
