/// `backend`, and what blocks that are called by name have in common.
extension Grammar {
    // MARK: backend

    static func readBackend(
        _ document: inout Document, _ directive: Directive, _ reading: inout Reading
    ) {
        let name = readName(directive, among: document.backends, &reading)
        var settings = BackendSettings(name: name.text, servers: [])
        settings.position = reading.position(of: directive.name.location)
        backend.read(directive.block ?? [], of: directive.name, into: &settings, &reading)
        let paths = (directive.block ?? []).filter { $0.name.text == "server" }
            .compactMap(\.arguments.first).filter { $0.text.hasPrefix("unix:") }
        checkServerNames(settings, paths, &reading)
        HealthWords.finish(settings, directive.block ?? [], &reading)
        BackendWords.check(settings, name, besides: document.backends, &reading)
        document.backends.append(BackendDraft(name: name, settings: settings))
    }

    // MARK: Shared

    /// The name of a block, which no other block of its kind may have.
    static func readName(
        _ directive: Directive, among others: [some NamedDraft], _ reading: inout Reading
    ) -> Word {
        let word = directive.arguments[0]
        _ = ValueKind<String>.name.read(word, &reading)
        if let first = others.first(where: { $0.name.text == word.text }) {
            let line = reading.mention(first.name.location, seenFrom: word.location)
            reading.error(
                "\(directive.name.text) \(word.shown) is defined twice (first at \(line))", at: word
            )
        }
        return word
    }

    /// Adds to a list of alternatives; saying one twice is a slip.
    static func append<Value: Equatable>(
        _ value: Value, to list: inout [Value], _ word: Word, _ reading: inout Reading
    ) {
        if list.contains(value) { reading.error("\(word.shown) is named twice", at: word) }
        list.append(value)
    }
}
