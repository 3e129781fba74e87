# Completion of lodgectl for bash. Session IDs and account names come from the server and the account file.

_lodgectl_sessions() {
    lodgectl "${config[@]}" list --json 2>/dev/null | grep -o '{"id":[0-9]*' | grep -o '[0-9]*'
}

_lodgectl_accounts() {
    lodgectl "${config[@]}" account list --json 2>/dev/null | grep -o '{"name":"[^"]*' | cut -d'"' -f4
}

_lodgectl() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command='' operand='' word i
    local -a config=()
    COMPREPLY=()
    case $previous in
    --config)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    --state)
        mapfile -t COMPREPLY < <(compgen -W 'active connected disconnected init down gone' -- "$current")
        return
        ;;
    --full-name | --expires | -n | --timeout | --title | --user | --client | --at | --in | --message | --reason | --from | --group | --logged-on | --connected | --disconnected | --idle) return ;;
    --platform)
        mapfile -t COMPREPLY < <(compgen -W 'windows macos unix ios android chromeos' -- "$current")
        return
        ;;
    --sort)
        mapfile -t COMPREPLY < <(compgen -W 'id user logon' -- "$current")
        return
        ;;
    esac
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
        --config)
            config=(--config "${COMP_WORDS[i + 1]}")
            i=$((i + 1))
            ;;
        --full-name | --expires | -n | --state | --timeout | --title | --user | --client | --at | --sort | --in | --message | --reason | --from | --platform | --group | --logged-on | --connected | --disconnected | --idle) i=$((i + 1)) ;;
        -*) ;;
        *)
            if [[ -z $command || $command == account || $command == policy || $command == licence || $command == query || $command == change || $command == pend || $command == subsystem || $command == listener ]]; then
                command=${command:+$command }$word
            else
                operand=$word
            fi
            ;;
        esac
    done
    local words=''
    case $command in
    '') words='list show processes ps qprocess kill tskill top lock environment connect tscon shadow disconnect logoff watch wait msg reset health counters events version ping drain shutdown upgrade listener boot subsystem pend qwinsta query tsdiscon change policy licence account --config --help --version' ;;
    subsystem) words='list load --help' ;;
    'subsystem load') words='--help' ;;
    'subsystem list') words='--json --help' ;;
    pend) words='rename delete list cancel --help' ;;
    'pend list') words='--json --help' ;;
    'pend rename' | 'pend delete') words='--help' ;;
    'pend cancel') words='all --help' ;;
    boot) words='--json --svg --help' ;;
    policy) words='show test keys reload --help' ;;
    licence) words='pool list issue revoke report --help' ;;
    account) words='add remove passwd lock unlock expire list --help' ;;
    'policy test') words='--user --client --at --json --help' ;;
    'policy keys') words='--json --help' ;;
    'policy show') words='--user --client --json --help' ;;
    query) words='session user process --help' ;;
    change) words='logon --help' ;;
    'change logon') words='/query /enable /drain /drainuntilrestart --help' ;;
    'drain') words='off reconnects until-restart --json --help' ;;
    listener) words='list stop start --help' ;;
    'listener list') words='--json --help' ;;
    'listener stop' | 'listener start') words='rdp --help' ;;
    'upgrade') words='--json --help' ;;
    'shutdown') words='--in --message --reason --stop --halt --reboot --abort --force --status --wait --json --help' ;;
    'msg') words='--timeout --title --wait --help' ;;
    'wait') words='--state --timeout --help' ;;
    'list') words='--json --state --user --client --sort --descending --platform --group --logged-on --connected --disconnected --idle --help' ;;
    'watch' | 'health' | 'counters' | 'qwinsta' | 'query session' | 'query user' | 'version' | 'account list' | 'licence pool' | 'licence list') words='--json --help' ;;
    'show' | 'environment' | 'processes' | 'ps' | 'qprocess' | 'query process') words='--json --help' ;;
    'connect' | 'tscon') words='--from --help' ;;
    'shadow') words='--from --control --view --stop --help' ;;
    'top') words='--json --once --help' ;;
    'kill' | 'tskill') words='--force --help' ;;
    'events') words='--json -n --user --since --until --event --session --follow --help' ;;
    'licence report') words='--json -n --help' ;;
    'account add') words='--throwaway --full-name --expires --password-stdin --help' ;;
    'account remove') words='--home --help' ;;
    'account passwd') words='--password-stdin --help' ;;
    'account expire') words='--expires --help' ;;
    'disconnect' | 'lock' | 'logoff' | 'reset' | 'tsdiscon' | 'ping' | 'policy reload' | 'licence issue' | 'licence revoke' | 'account lock' | 'account unlock') words='--help' ;;
    esac
    if [[ -z $operand && $current != -* ]]; then
        case $command in
        reset) words="session $(_lodgectl_sessions)" ;;
        show | lock | environment | connect | tscon | shadow | processes | ps | qprocess | 'query process' | kill | tskill | disconnect | tsdiscon | logoff | wait | msg) words=$(_lodgectl_sessions) ;;
        'account remove' | 'account passwd' | 'account lock' | 'account unlock' | 'account expire')
            words=$(_lodgectl_accounts)
            ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _lodgectl lodgectl
