# Completes ./invoke of Fearless Labs: source <(./invoke completion zsh), after compinit
_fearless_labs() {
  local -a found
  found=(${(f)"$(${words[1]} --complete "${(@)words[2,CURRENT]}" </dev/null 2>/dev/null)"})
  if (( ! ${#found} )); then _files
  elif [[ ${found[1]} == *= ]]; then compadd -S '' -- $found
  else compadd -- $found
  fi
}
compdef _fearless_labs ./invoke
