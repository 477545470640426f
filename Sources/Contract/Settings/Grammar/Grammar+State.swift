/// `state`: what is kept on the disk.
extension Grammar {
    /// `state /var/lib/gateway`.
    static func readState(
        _ document: inout Document, _ directive: Directive, _ reading: inout Reading
    ) {
        let path = ValueKind<String>.folderToMake.read(directive.arguments[0], &reading)
        var settings = StateSettings(path: path ?? "")
        settings.position = reading.position(of: directive.name.location)
        settings.pathPosition = reading.position(of: directive.arguments[0].location)
        state.read(directive.block ?? [], of: directive.name, into: &settings, &reading)
        document.settings.state = settings
    }

    /// `history 30d`, `history 30d 1000000`, `history off`.
    static func readHistory(
        _ settings: inout StateSettings, _ directive: Directive, _ reading: inout Reading
    ) {
        let words = directive.arguments
        let kind = ValueKind.duration(.minutes(1) ... .days(3650)).optional("off")
        guard let age = kind.read(words[0], &reading) else { return }
        guard let age else {
            settings.historyCount = 0
            if words.count > 1 {
                reading.error("unexpected word after 'history off'", at: words[1])
            }
            return
        }
        settings.historyAge = age
        if words.count > 1,
            let count = ValueKind.integer(1000...100_000_000).read(words[1], &reading)
        {
            settings.historyCount = count
        }
    }
}
