# SPDX-License-Identifier: Apache-2.0
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Call(_message.Message):
    __slots__ = ("id", "at", "action", "department", "system", "operator", "item", "resource", "fields", "purpose", "channel", "network", "grant", "recipient", "derived", "commercial", "consent", "on_behalf_of", "forwarded_for", "subject")
    ID_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    GRANT_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    DERIVED_FIELD_NUMBER: _ClassVar[int]
    COMMERCIAL_FIELD_NUMBER: _ClassVar[int]
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    ON_BEHALF_OF_FIELD_NUMBER: _ClassVar[int]
    FORWARDED_FOR_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    id: str
    at: str
    action: str
    department: str
    system: str
    operator: str
    item: str
    resource: str
    fields: _containers.RepeatedScalarFieldContainer[str]
    purpose: str
    channel: str
    network: str
    grant: str
    recipient: Recipient
    derived: bool
    commercial: bool
    consent: str
    on_behalf_of: _containers.RepeatedScalarFieldContainer[str]
    forwarded_for: _containers.RepeatedScalarFieldContainer[str]
    subject: str
    def __init__(self, id: _Optional[str] = ..., at: _Optional[str] = ..., action: _Optional[str] = ..., department: _Optional[str] = ..., system: _Optional[str] = ..., operator: _Optional[str] = ..., item: _Optional[str] = ..., resource: _Optional[str] = ..., fields: _Optional[_Iterable[str]] = ..., purpose: _Optional[str] = ..., channel: _Optional[str] = ..., network: _Optional[str] = ..., grant: _Optional[str] = ..., recipient: _Optional[_Union[Recipient, _Mapping]] = ..., derived: bool = ..., commercial: bool = ..., consent: _Optional[str] = ..., on_behalf_of: _Optional[_Iterable[str]] = ..., forwarded_for: _Optional[_Iterable[str]] = ..., subject: _Optional[str] = ...) -> None: ...

class Recipient(_message.Message):
    __slots__ = ("kind", "id")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    kind: str
    id: str
    def __init__(self, kind: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...
