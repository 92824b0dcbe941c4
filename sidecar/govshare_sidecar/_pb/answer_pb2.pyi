# SPDX-License-Identifier: Apache-2.0
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Answer(_message.Message):
    __slots__ = ("id", "effect", "outcome", "clauses", "reasons", "fields", "duties", "grant", "policy", "texts", "grants")
    ID_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CLAUSES_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    DUTIES_FIELD_NUMBER: _ClassVar[int]
    GRANT_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    GRANTS_FIELD_NUMBER: _ClassVar[int]
    id: str
    effect: str
    outcome: str
    clauses: _containers.RepeatedScalarFieldContainer[str]
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    fields: _containers.RepeatedScalarFieldContainer[str]
    duties: _containers.RepeatedCompositeFieldContainer[Duty]
    grant: str
    policy: Policy
    texts: _containers.RepeatedCompositeFieldContainer[Text]
    grants: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., effect: _Optional[str] = ..., outcome: _Optional[str] = ..., clauses: _Optional[_Iterable[str]] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ..., fields: _Optional[_Iterable[str]] = ..., duties: _Optional[_Iterable[_Union[Duty, _Mapping]]] = ..., grant: _Optional[str] = ..., policy: _Optional[_Union[Policy, _Mapping]] = ..., texts: _Optional[_Iterable[_Union[Text, _Mapping]]] = ..., grants: _Optional[_Iterable[str]] = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("code", "clause", "text", "text_zh", "remedy", "remedy_zh")
    CODE_FIELD_NUMBER: _ClassVar[int]
    CLAUSE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TEXT_ZH_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    REMEDY_ZH_FIELD_NUMBER: _ClassVar[int]
    code: str
    clause: str
    text: str
    text_zh: str
    remedy: str
    remedy_zh: str
    def __init__(self, code: _Optional[str] = ..., clause: _Optional[str] = ..., text: _Optional[str] = ..., text_zh: _Optional[str] = ..., remedy: _Optional[str] = ..., remedy_zh: _Optional[str] = ...) -> None: ...

class Duty(_message.Message):
    __slots__ = ("code", "value", "clause")
    CODE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    CLAUSE_FIELD_NUMBER: _ClassVar[int]
    code: str
    value: str
    clause: str
    def __init__(self, code: _Optional[str] = ..., value: _Optional[str] = ..., clause: _Optional[str] = ...) -> None: ...

class Policy(_message.Message):
    __slots__ = ("profile", "precedence", "revision")
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    PRECEDENCE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    profile: str
    precedence: str
    revision: str
    def __init__(self, profile: _Optional[str] = ..., precedence: _Optional[str] = ..., revision: _Optional[str] = ...) -> None: ...

class Text(_message.Message):
    __slots__ = ("profile", "outcome", "clauses")
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CLAUSES_FIELD_NUMBER: _ClassVar[int]
    profile: str
    outcome: str
    clauses: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, profile: _Optional[str] = ..., outcome: _Optional[str] = ..., clauses: _Optional[_Iterable[str]] = ...) -> None: ...
