# Completes ./invoke of Fearless Labs: source <(./invoke completion bash)
_fearless_labs() {
  local IFS=$'\n' words=("${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=($("${COMP_WORDS[0]}" --complete "${words[@]}" </dev/null 2>/dev/null))
  if [[ ${COMPREPLY[0]-} == *= ]]; then compopt -o nospace; fi
}
complete -o bashdefault -o default -F _fearless_labs ./invoke
