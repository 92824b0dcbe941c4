#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Verify a checkpoint, a receipt, or that a later checkpoint continues an earlier one, with POSIX
# sh, OpenSSL 3 and coreutils alone. Written from docs/spec/audit-log.md; the numbers of its sections
# stand beside what they ask for.
#
#   sh verify_log.sh checkpoint  NOTE|LOGDIR            --trust trust.toml
#   sh verify_log.sh receipt     FILE [CONTINUATION…]   --trust trust.toml
#   sh verify_log.sh consistency NOTE CONTINUATION…     --trust trust.toml
#   sh verify_log.sh consistency NOTE LOGDIR            --trust trust.toml
#
# A continuation is a later checkpoint with the proof that it continues. The last form takes no proof
# and hashes every record of a small log instead, some forty a second. The order of the records, the
# clock and everything else about a log, verify_log.py verifies.
#
# Where the trust file requires witnesses, a checkpoint and a receipt need as many; of a directory,
# those count that signed its newest checkpoint, there or in witness/. What they signed before that,
# only verify_log.py can hold against the log. A consistency says nothing about witnesses.
#
# Exits 0 if everything is as the keys vouch for, 1 if not, 2 if it cannot be told.
set -eu
LC_ALL=C
export LC_ALL
umask 077

dash='—'
type='1.2.156.10197.1.501/gm-cosignature/v1'
spki=3059301306072a8648ce3d020106082a811ccf5501822d034200
latest_time=0000003afff4417f
newline='
'

say() {
    printf '%s\n' "$1"
}

bad() {
    say "验证不通过 does not verify · ${blame:-$1}"
    exit 1
}

stop() {
    say "无法核验 cannot verify: $1" >&2
    exit 2
}

usage() {
    stop 'usage: sh verify_log.sh checkpoint|receipt|consistency FILE… --trust TRUST_FILE'
}

# Bytes and numbers.

hex() { # file
    od -An -v -tx1 "$1" | tr -d ' \n'
}

count() { # file
    # The shell removes the spaces that some systems put around the number.
    printf '%d' "$(wc -c <"$1")"
}

first() { # bytes, file
    head -c "$1" "$2"
}

behind() { # bytes, file
    tail -c "+$(($1 + 1))" "$2"
}

# Whether decimal $1 is below decimal $2; both may have more digits than the shell can count with.
is_below() {
    [ "${#1}" -lt "${#2}" ] || { [ "${#1}" -eq "${#2}" ] && [ "$1" != "$2" ] && is_sorted "$1" "$2"; }
}

is_sorted() {
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort | head -n 1)" = "$1" ]
}

is_decimal() {
    case $1 in
        0) ;;
        '' | 0* | *[!0-9]*) return 1 ;;
    esac
    [ "${#1}" -le 19 ]
}

is_size() {
    is_decimal "$1" && ! is_below 9223372036854775807 "$1"
}

is_name() {
    case $1 in
        '' | *[!!-*,-~]*) return 1 ;;
    esac
    [ "${#1}" -le 255 ]
}

# Section 2: base64 has one spelling.
decode() { # text, file
    case $1 in
        *[!A-Za-z0-9+/=]*) return 1 ;;
    esac
    printf '%s' "$1" | base64 -d >"$2" 2>/dev/null || return 1
    [ "$(base64 <"$2" | tr -d '\n')" = "$1" ]
}

decode_hash() { # text, file
    decode "$1" "$2" && [ "$(count "$2")" -eq 32 ]
}

# Whether a file is UTF-8 (RFC 3629).
is_utf8() {
    tr '\000-\177' '[a*]' <"$1" | tr -s a | od -An -v -tu1 | tr -s ' ' '\n' >"$work/utf8"
    more=0
    while read -r byte; do
        [ -n "$byte" ] || continue
        if [ "$more" -gt 0 ]; then
            if [ "$byte" -lt "$low" ] || [ "$byte" -gt "$high" ]; then return 1; fi
            more=$((more - 1)) low=128 high=191
            continue
        fi
        low=128 high=191
        case $byte in
            97) ;;
            19[4-9] | 20? | 21? | 22[0-3]) more=1 ;;
            224) more=2 low=160 ;;
            237) more=2 high=159 ;;
            22[5-9] | 23?) more=2 ;;
            240) more=3 low=144 ;;
            24[1-3]) more=3 ;;
            244) more=3 high=143 ;;
            *) return 1 ;;
        esac
    done <"$work/utf8"
    [ "$more" -eq 0 ]
}

# Section 7: the tree. Hashes are files of 32 bytes.

sm3() {
    openssl dgst -sm3 -binary
}

hash_leaf() { # file with the record, file for the hash
    { printf '\000' && cat "$1"; } | sm3 >"$2"
}

hash_node() { # left, right, file for the hash, which may be one of them
    { printf '\001' && cat "$1" "$2"; } | sm3 >"$work/node"
    mv "$work/node" "$3"
}

is_hash() { # file, base64
    [ "$(base64 <"$1")" = "$2" ]
}

# Section 9: the trust file, in the form in which it is written: comments and values on lines of
# their own. TOML can say more; what this script does not know, it refuses.

unknown() {
    stop "line $line_number of the trust file is not understood"
}

read_trust() { # file
    is_small "$1"
    # The shell drops the byte 0, and a comment may not hold what a terminal obeys.
    tr -d '\011\012\040-\176\200-\377' <"$1" >"$work/other"
    { [ ! -s "$work/other" ] && is_utf8 "$1"; } || stop 'the trust file is no plain text'
    trusted='' required='' keys=0 own_keys=0 format='' table='' line_number=0 watchers=' '
    while IFS= read -r line; do
        line_number=$((line_number + 1))
        case $line in
            '' | '#'*) ;;
            '[[key]]') begin_table key ;;
            '[[witness]]') begin_table witness ;;
            '[witnesses]') end_table && table=witnesses ;;
            *' = '*) take_value "${line%% = *}" "${line#* = }" ;;
            *) unknown ;;
        esac
    done <"$1"
    [ -z "$line" ] || unknown
    end_table
    if [ -z "$format" ] || [ -z "$trusted" ] || [ "$own_keys" -eq 0 ]; then
        stop 'the trust file lacks its format, its origin or a key'
    fi
    check_witnesses
}

# What is handed over is a regular file, of 1 MiB at most.
is_small() { # file
    { [ -f "$1" ] && [ -r "$1" ]; } || stop 'a file that was named is no regular file to be read'
    [ "$(count "$1")" -le 1048576 ] || stop 'a file that was named has more than 1 MiB'
}

# A pipe or a device in the place of a file of the log could hold the script up for ever.
is_regular() { # file
    if [ -e "$1" ] && [ ! -f "$1" ]; then stop 'a file of the log is no regular file'; fi
}

begin_table() { # key or witness
    end_table
    keys=$((keys + 1))
    table=$1 name='' from='' to='' revoked='' public=''
}

# What a key is: its name, its role, the sizes from which and to which it counts.
end_table() {
    case $table in
        '' | witnesses) return 0 ;;
        key) own_keys=$((own_keys + 1)) ;;
    esac
    if [ -z "$name" ] || [ -z "$from" ] || [ -z "$public" ]; then
        stop "key $keys of the trust file lacks its name, its start or its public key"
    fi
    if [ -n "$to" ] && is_below "$to" "$from"; then
        stop "key $keys of the trust file ends before it starts"
    fi
    if [ -z "$to" ] || { [ -n "$revoked" ] && is_below "$revoked" "$to"; }; then to=$revoked; fi
    printf '%s\n%s\n%s\n%s\n' "$name" "$table" "$from" "$to" >"$work/key$keys"
    {
        printf '%s\n\377%s' "$name" "$type"
        behind 26 "$work/key$keys.der"
    } | sm3 >"$work/id"
    first 4 "$work/id" >"$work/key$keys.id"
    case $table.$watchers in
        key.* | witness.*" $name "*) ;;
        *) watchers="$watchers$name " ;;
    esac
}

take_value() { # key, value
    case $table.$1 in
        .format) [ -z "$format" ] && [ "$2" = '"govshare-trust/v1"' ] && format=1 ;;
        .origin) [ -z "$trusted" ] && unquote "$2" && trusted=$text ;;
        witnesses.required) [ -z "$required" ] && is_decimal "$2" && required=$2 ;;
        key.name | witness.name) [ -z "$name" ] && unquote "$2" && name=$text ;;
        key.from | witness.from) [ -z "$from" ] && is_decimal "$2" && from=$2 ;;
        key.to | witness.to) [ -z "$to" ] && is_decimal "$2" && to=$2 ;;
        key.revoked_after | witness.revoked_after) [ -z "$revoked" ] && is_decimal "$2" && revoked=$2 ;;
        key.public | witness.public) [ -z "$public" ] && [ "$2" = '"""' ] && read_pem ;;
        *) false ;;
    esac || unknown
}

# Nobody counts twice, and as many witnesses are named as are required.
check_witnesses() {
    number=0 seen=' '
    while [ "$number" -lt "$keys" ]; do
        number=$((number + 1))
        { read -r name && read -r role; } <"$work/key$number"
        case $seen in
            *" $(hex "$work/key$number.id"):$name "* | *" $(hex "$work/key$number.der"):witness "*)
                stop 'two keys of the trust file cannot be told apart'
                ;;
        esac
        if [ "$role" = witness ]; then
            case $seen in
                *" $(hex "$work/key$number.der"):"*) stop 'a witness has no key of its own' ;;
            esac
        fi
        seen="$seen$(hex "$work/key$number.id"):$name $(hex "$work/key$number.der"):$role "
    done
    set -f
    # shellcheck disable=SC2086 # one word a witness
    set -- $watchers
    set +f
    case "$watchers" in
        *" $trusted "*) stop 'a witness bears the name of the log' ;;
    esac
    if [ $# -eq 0 ] && [ -z "$required" ]; then
        required=0
    elif [ -z "$required" ] || [ "$required" = 0 ] || is_below "$#" "$required"; then
        stop 'the trust file requires 1 witness or more, of those that it names'
    fi
}

# Take the quotes and the backslashes of TOML away; a name has no other escapes.
unquote() {
    text='' rest=${1#\"}
    if [ "$rest" = "$1" ]; then return 1; fi
    while :; do
        case $rest in
            \") break ;;
            \\\\* | \\\"*) rest=${rest#?} ;;
            \\* | \"* | '') return 1 ;;
        esac
        text=$text${rest%"${rest#?}"} rest=${rest#?}
    done
    is_name "$text"
}

read_pem() {
    public='' line=''
    while IFS= read -r line && [ "$line" != '"""' ]; do
        line_number=$((line_number + 1))
        public=$public$line$newline
    done
    [ "$line" = '"""' ] || unknown
    line_number=$((line_number + 1))
    body=${public#"-----BEGIN PUBLIC KEY-----$newline"}
    body=${body%"$newline-----END PUBLIC KEY-----$newline"}
    body=$(printf '%s' "$body" | tr -d '\n')
    printf '%s' "$public" >"$work/key$keys.pem"
    decode "$body" "$work/key$keys.der" || unknown
    case $(hex "$work/key$keys.der") in
        "$spki"04*) ;;
        *) stop "key $keys of the trust file is no SM2 key" ;;
    esac
    [ "$(count "$work/key$keys.der")" -eq 91 ] || stop "key $keys of the trust file is no SM2 key"
    openssl pkey -pubin -in "$work/key$keys.pem" -noout 2>/dev/null ||
        stop "key $keys of the trust file is no SM2 key, or this OpenSSL has no SM2"
}

# Section 8: a checkpoint. Leaves its origin, size and root in these variables.

parse_note() { # file, code of the verdict if it is no note
    [ "$(count "$1")" -le 16384 ] || bad "$2"
    is_plain "$1" || bad "$2"
    number=0 signatures=0 seen=' '
    while IFS= read -r line; do
        number=$((number + 1))
        case $number in
            1) { is_name "$line" && origin=$line; } || bad "$2" ;;
            2) { is_size "$line" && size=$line; } || bad "$2" ;;
            3) { decode_hash "$line" "$work/decoded" && root=$line; } || bad "$2" ;;
            4) [ -z "$line" ] || bad "$2" ;;
            *) parse_line "$line" || bad "$2" ;;
        esac
    done <"$1"
    if [ -n "$line" ] || [ "$signatures" -eq 0 ] || [ "$signatures" -gt 16 ]; then bad "$2"; fi
}

# Whether a file has no bytes but those of printable ASCII, newlines and dashes.
is_plain() {
    tr -d '\012\040-\176\342\200\224' <"$1" >"$work/other"
    [ ! -s "$work/other" ]
}

parse_line() {
    rest=${1#"$dash "}
    signer=${rest%% *} blob=${rest#* }
    if [ "$rest" = "$1" ] || [ "$blob" = "$rest" ]; then return 1; fi
    signatures=$((signatures + 1))
    is_name "$signer" && decode "$blob" "$work/line$signatures" || return 1
    [ "$(count "$work/line$signatures")" -ge 5 ] || return 1
    printf '%s\n' "$signer" >"$work/line$signatures.name"
    first 4 "$work/line$signatures" >"$work/id"
    case $seen in
        *" $signer:$(hex "$work/id") "*) return 1 ;;
    esac
    seen="$seen$signer:$(hex "$work/id") "
}

# Section 9: whether the checkpoint that was parsed last is trusted. Adds the witnesses that signed
# it to this list.
check_trust() { # file
    [ "$origin" = "$trusted" ] || bad signature
    good=0 key=0
    while [ "$key" -lt "$keys" ]; do
        key=$((key + 1)) each=0 signed=''
        { read -r name && read -r role && read -r from && read -r to; } <"$work/key$key"
        if is_below "$size" "$from"; then continue; fi
        if [ -n "$to" ] && is_below "$to" "$size"; then continue; fi
        while [ "$each" -lt "$signatures" ]; do
            each=$((each + 1))
            check_line "$1" "$work/line$each" "$work/key$key"
        done
        count_key
    done
    [ "$good" -gt 0 ] || bad signature
}

count_key() {
    if [ "$role" = witness ]; then
        case ${signed:-0}$witnesses in
            0* | *" $name "*) ;;
            *) witnesses="$witnesses$name " ;;
        esac
    elif [ -n "$signed" ]; then
        good=$((good + 1))
        add_signer "$(sm3 <"$work/key$key.der" | od -An -v -tx1 | tr -d ' \n')"
    elif [ "$name" = "$trusted" ]; then
        # Where one key of the log hands over to another, both sign.
        bad signature
    fi
}

add_signer() { # fingerprint
    case $signers in
        *"sm3:$1"*) ;;
        *) signers="$signers sm3:$1" ;;
    esac
}

check_line() { # note, line, key
    first 4 "$2" >"$work/id"
    if [ "$(cat "$2.name")" != "$name" ] || [ "$(hex "$work/id")" != "$(hex "$3.id")" ]; then
        return 0
    fi
    # A signature has 72 bytes at most. OpenSSL reads no more, and would pass over bytes behind it.
    { [ "$(count "$2")" -gt 12 ] && [ "$(count "$2")" -le 84 ]; } || bad signature
    behind 4 "$2" | head -c 8 >"$work/time"
    is_sorted "$(hex "$work/time")" "$latest_time" || bad signature
    {
        printf 'gm-cosignature/v1\ncosigner %s\ntime %d\n' "$name" "0x$(hex "$work/time")"
        head -n 3 "$1"
    } >"$work/message"
    behind 12 "$2" >"$work/der"
    openssl dgst -sm3 -verify "$3.pem" -sigopt distid:1234567812345678 \
        -signature "$work/der" "$work/message" >/dev/null 2>&1 || bad signature
    signed=1
}

count_witnesses() { # names
    printf '%d' "$(list_names "$1" '' | wc -w)"
}

check_quorum() {
    [ "$(count_witnesses "$witnesses")" -ge "$required" ] || bad witness
}

# Section 10 step 7, as far as it goes without the records: witnesses that signed the checkpoint
# that was verified last, in files of their own.
read_witnesses() { # directory
    if [ "$required" = 0 ] || [ ! -d "$1" ]; then return 0; fi
    last_size=$size last_root=$root own_signers=$signers counted=$witnesses earlier=' ' blame=witness
    for note in "$1"/* "$1"/.[!.]*; do
        case $note in
            *.tmp) continue ;;
        esac
        if [ ! -e "$note" ] && [ ! -L "$note" ]; then continue; fi
        [ -f "$note" ] || bad witness
        witnesses=' '
        parse_note "$note" witness
        check_trust "$note"
        place_witnesses
    done
    size=$last_size root=$last_root signers=$own_signers witnesses=$counted blame=''
    if [ "$(count_witnesses "$counted")" -lt "$required" ] &&
        [ "$(count_witnesses "$counted$earlier")" -ge "$required" ]; then
        stop 'witnesses signed an earlier checkpoint; verify_log.py tells whether the log continues it'
    fi
}

# Whom a file in witness/ counts for: the checkpoint, or one before it.
place_witnesses() {
    case $witnesses in
        *[!\ ]*) ;;
        *) return 0 ;;
    esac
    if is_below "$last_size" "$size"; then blame='' && bad short; fi
    if [ "$size" != "$last_size" ]; then
        earlier=$(list_names "$earlier" "$witnesses")
        return 0
    fi
    [ "$root" = "$last_root" ] || { blame='' && bad fork; }
    counted=$(list_names "$counted" "$witnesses")
}

# Names, each once, with a space on either side.
list_names() { # names, names
    printf '%s %s' "$1" "$2" | tr -s ' ' '\n' | sort -u | tr '\n' ' '
}

# Section 11: a receipt.

verify_receipt() { # file
    is_utf8 "$1" || bad receipt
    # The record may have any byte; it never goes through the shell.
    [ "$(head -n 2 "$1" | tail -n +2 | head -c 7)" = 'record ' ] || bad receipt
    head -n 2 "$1" | tail -n +2 | tail -c +8 | tr -d '\n' >"$work/record"
    { head -n 1 "$1" && behind_line 2 "$1"; } >"$work/rest"
    is_plain "$work/rest" || bad receipt
    { IFS= read -r format && IFS= read -r line; } <"$work/rest" || bad receipt
    index=${line#'index '}
    { [ "$format" = 'govshare-receipt/v1' ] && [ "$index" != "$line" ]; } || bad receipt
    is_decimal "$index" || bad receipt
    behind_line 2 "$work/rest" >"$work/tail"
    read_proof "$work/tail" receipt
    parse_note "$work/note" receipt
    check_trust "$work/note"
    is_below "$index" "$size" || bad inclusion
    hash_leaf "$work/record" "$work/hash"
    verify_inclusion
    said="回执 receipt: record $index of $size"
}

# Read the hashes of a proof up to the empty line, and put the note behind it into work/note.
read_proof() { # file, code if it is none
    nodes=0 ended=''
    while IFS= read -r line; do
        if [ -z "$line" ]; then
            ended=1
            break
        fi
        nodes=$((nodes + 1))
        { [ "$nodes" -le 63 ] && decode_hash "$line" "$work/proof$nodes"; } || bad "$2"
    done <"$1"
    [ -n "$ended" ] || bad "$2"
    behind_line $((nodes + 1)) "$1" >"$work/note"
}

behind_line() { # lines, file
    tail -n "+$(($1 + 1))" "$2"
}

# RFC 9162 section 2.1.3.2: from work/hash, by work/proof1…, to the root.
verify_inclusion() {
    place=$index last=$((size - 1)) node=0
    while [ "$node" -lt "$nodes" ]; do
        node=$((node + 1))
        [ "$last" -ne 0 ] || bad inclusion
        if [ $((place & 1)) -eq 1 ] || [ "$place" -eq "$last" ]; then
            hash_node "$work/proof$node" "$work/hash" "$work/hash"
            climb
        else
            hash_node "$work/hash" "$work/proof$node" "$work/hash"
        fi
        place=$((place >> 1)) last=$((last >> 1))
    done
    { [ "$last" -eq 0 ] && is_hash "$work/hash" "$root"; } || bad inclusion
}

climb() {
    while [ $((place & 1)) -eq 0 ] && [ "$place" -ne 0 ]; do
        place=$((place >> 1)) last=$((last >> 1))
    done
}

# RFC 9162 section 2.1.4.2: whether a continuation continues the checkpoint that was verified last,
# which stays the one in origin, size and root.

verify_continuation() { # file
    old_size=$size old_root=$root
    is_plain "$1" || bad proof
    IFS= read -r line <"$1" || bad proof
    stated=${line#'old '}
    { [ "$stated" != "$line" ] && is_decimal "$stated"; } || bad proof
    behind_line 1 "$1" >"$work/tail"
    read_proof "$work/tail" proof
    parse_note "$work/note" proof
    if [ "$old_size" = 0 ] || [ "$stated" != "$old_size" ] || is_below "$size" "$old_size"; then
        bad consistency
    fi
    if [ "$old_size" = "$size" ]; then
        { [ "$nodes" -eq 0 ] && [ "$old_root" = "$root" ]; } || bad consistency
    else
        climb_both
    fi
    check_trust "$work/note"
    said="$said · 一致 consistency: $old_size → $size"
    size=$old_size root=$old_root
}

climb_both() {
    place=$((old_size - 1)) last=$((size - 1)) node=0
    if [ $((old_size & place)) -eq 0 ]; then
        decode_hash "$old_root" "$work/then"
    else
        [ "$nodes" -gt 0 ] || bad consistency
        node=1
        cp "$work/proof1" "$work/then"
    fi
    cp "$work/then" "$work/now"
    while [ $((place & 1)) -eq 1 ]; do
        place=$((place >> 1)) last=$((last >> 1))
    done
    while [ "$node" -lt "$nodes" ]; do
        node=$((node + 1))
        [ "$last" -ne 0 ] || bad consistency
        if [ $((place & 1)) -eq 1 ] || [ "$place" -eq "$last" ]; then
            hash_node "$work/proof$node" "$work/then" "$work/then"
            hash_node "$work/proof$node" "$work/now" "$work/now"
            climb
        else
            hash_node "$work/now" "$work/proof$node" "$work/now"
        fi
        place=$((place >> 1)) last=$((last >> 1))
    done
    [ "$last" -eq 0 ] || bad consistency
    { is_hash "$work/then" "$old_root" && is_hash "$work/now" "$root"; } || bad consistency
}

# Sections 5 and 7: the same, from the records themselves.

hash_log() { # directory
    old_size=$size old_root=$root
    is_regular "$1/checkpoint"
    [ -f "$1/checkpoint" ] || bad checkpoint
    parse_note "$1/checkpoint" checkpoint
    check_trust "$1/checkpoint"
    if is_below "$size" "$old_size"; then bad short; fi
    records=0
    for segment in "$1"/seg/*.seg; do
        is_regular "$segment"
        hash_segment "$segment"
    done
    [ "$records" = "$size" ] || bad short
    said="$said · 一致 consistency: $old_size → $size, 逐条重算 every record hashed"
}

hash_segment() { # file
    place=64
    while [ "$records" != "$size" ]; do
        behind "$place" "$1" | head -c 8 | od -An -v -tu1 >"$work/head"
        read -r low middle high kind _ <"$work/head" || break
        if [ "$kind" = 0 ]; then break; fi
        length=$((low + middle * 256 + high * 65536))
        if [ "$kind" = 2 ]; then
            behind $((place + 8)) "$1" | head -c "$length" >"$work/record"
            take_record
        fi
        place=$((place + 8 + length))
    done
}

# The perfect subtrees are files named after their level, from the largest to the smallest.
take_record() {
    hash_leaf "$work/record" "$work/hash"
    level=0 width=$records
    while [ $((width & 1)) -eq 1 ]; do
        hash_node "$work/level$level" "$work/hash" "$work/hash"
        level=$((level + 1)) width=$((width >> 1))
    done
    cp "$work/hash" "$work/level$level"
    records=$((records + 1))
    if [ "$records" = "$old_size" ]; then expect_root "$old_root"; fi
    if [ "$records" = "$size" ]; then expect_root "$root"; fi
}

expect_root() {
    level=0 width=$records
    rm -f "$work/sum"
    while [ "$width" -gt 0 ]; do
        if [ $((width & 1)) -eq 1 ]; then
            if [ -e "$work/sum" ]; then
                hash_node "$work/level$level" "$work/sum" "$work/sum"
            else
                cp "$work/level$level" "$work/sum"
            fi
        fi
        level=$((level + 1)) width=$((width >> 1))
    done
    is_hash "$work/sum" "$1" || bad fork
}

# The command.

trust='' left=$#
while [ "$left" -gt 0 ]; do
    left=$((left - 1)) word=$1
    shift
    if [ "$word" = --trust ]; then
        if [ "$left" -eq 0 ] || [ -n "$trust" ]; then usage; fi
        left=$((left - 1)) trust=$1
        shift
    else
        set -- "$@" "$word"
    fi
done
if [ -z "$trust" ] || [ $# -lt 2 ]; then usage; fi
command=$1 file=$2
shift 2
for given in "$file" "$@"; do
    [ -r "$given" ] || stop 'a file that was named cannot be read'
    [ -d "$given" ] || is_small "$given"
done
case $(openssl version 2>/dev/null) in
    'OpenSSL '[3-9]*) ;;
    *) stop 'OpenSSL 3 is needed' ;;
esac

work=$(mktemp -d) || stop 'there is no directory for temporary files'
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
witnesses=' ' signers='' blame=''
read_trust "$trust"
case $command in
    checkpoint)
        [ $# -eq 0 ] || usage
        seen_by=''
        if [ -d "$file" ]; then seen_by=$file/witness file=$file/checkpoint; fi
        is_regular "$file"
        [ -f "$file" ] || bad note
        parse_note "$file" note
        check_trust "$file"
        if [ -n "$seen_by" ]; then read_witnesses "$seen_by"; fi
        check_quorum
        said="检查点 checkpoint: size $size · root $root"
        ;;
    receipt)
        verify_receipt "$file"
        for given in "$@"; do verify_continuation "$given"; done
        check_quorum
        ;;
    consistency)
        [ $# -gt 0 ] || usage
        parse_note "$file" note
        check_trust "$file"
        said="检查点 checkpoint: size $size"
        for given in "$@"; do
            if [ -d "$given" ]; then hash_log "$given"; else verify_continuation "$given"; fi
        done
        ;;
    *) usage ;;
esac
case $witnesses in
    *[!\ ]*) said="$said · 见证人 witnesses:${witnesses% }" ;;
esac
say "验证通过 verified · $said · $origin · 签名公钥 signed by$signers"
