"""The engine, the protocol and the rating pages know the same methods, though none of them may import another."""

import explainer.types
from readerstudy.reading import methods as reading
from readerstudy.studies import protocol


def test_every_method_can_be_asked_for_in_a_protocol_and_is_explained_to_readers() -> None:
    assert explainer.types.METHODS == protocol.METHODS == tuple(reading.METHODS)


def test_each_explanation_is_two_sentences_and_a_title_of_its_own() -> None:
    for method in reading.METHODS.values():
        assert method.explanation.endswith(".")
        assert method.explanation.count(". ") == 1
    assert len({method.name for method in reading.METHODS.values()}) == len(reading.METHODS)
