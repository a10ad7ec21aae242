/// The few lines that teach a shell to ask `refx ---complete`. All knowledge is there, so that they fit every
/// later version.
enum CompletionScript {
  static func bash(_ name: String) -> String {
    """
    # Completions of \(name) for bash: source this, or put it where bash-completion looks.
    _\(name)_complete() {
      local lines answers=() line
      mapfile -t lines < <(command "${1/#\\~/$HOME}" ---complete bash "${COMP_LINE:0:COMP_POINT}" \\
        "$COMP_WORDBREAKS" 2>/dev/null)
      COMPREPLY=()
      case ${lines[0]-} in
        answers) COMPREPLY=("${lines[@]:1}") ;;
        files) compopt -o default ;;
        folders) compopt -o plusdirs ;;
      esac
      # What goes on stays without a space behind it.
      if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/=:] ]]; then compopt -o nospace; fi
    }
    complete -F _\(name)_complete \(name)

    """
  }

  static func zsh(_ name: String) -> String {
    """
    #compdef \(name)
    # Completions of \(name) for zsh: put this as _\(name) into a folder of $fpath, or source it after compinit.
    _\(name)() {
      local -a lines whole open wholeShown openShown
      local line answer shown
      lines=("${(@f)$(command ${(Q)words[1]/#\\~/$HOME} ---complete zsh "${(@Q)words[2,CURRENT-1]}" \\
        "${(Q)PREFIX}" 2>/dev/null)}")
      case ${lines[1]-} in
        files) _files ;;
        folders) _files -/ ;;
        answers)
          for line in "${(@)lines[2,-1]}"; do
            answer=${line%%$'\\t'*}
            [[ -n $answer ]] || continue
            shown=$answer
            [[ $line == *$'\\t'* ]] && shown="$answer  -- ${line#*$'\\t'}"
            if [[ $answer == *[/=:] ]]; then
              open+=("$answer"); openShown+=("$shown")
            else
              whole+=("$answer"); wholeShown+=("$shown")
            fi
          done
          (( $#open )) && compadd -l -S '' -d openShown -a -- open
          (( $#whole )) && compadd -l -d wholeShown -a -- whole
          return 0 ;;
      esac
    }
    if [[ $funcstack[1] == _\(name) ]]; then _\(name) "$@"; else compdef _\(name) \(name); fi

    """
  }

  static func fish(_ name: String) -> String {
    """
    # Completions of \(name) for fish: put this as \(name).fish into ~/.config/fish/completions.
    function __\(name)_complete
      set -l words (commandline -opc)
      set -l current (commandline -ct)
      set -l program (string replace -r '^~' $HOME -- $words[1])
      set -l lines (command $program ---complete fish $words[2..-1] (string unescape -- $current; or echo -- $current) 2>/dev/null)
      switch "$lines[1]"
        case answers
          test (count $lines) -gt 1; and printf '%s\\n' $lines[2..-1]
        case files
          __fish_complete_path (string replace -r '^--[^=]*=' '' -- $current)
        case folders
          __fish_complete_directories $current
      end
    end
    complete -c \(name) -f -a '(__\(name)_complete)'

    """
  }
}
