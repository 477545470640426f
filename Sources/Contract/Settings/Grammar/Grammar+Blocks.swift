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
        document.backends.append(BackendDraft(name: name, settings: settings))
    }

    static let serverSynopsis = "ADDRESS|HOST:PORT|srv:NAME [weight=N] [backup] [must_resolve]"

    /// `server 127.0.0.1:8000 weight=2`, `server app.internal:8000 must_resolve`.
    static func readServer(
        _ settings: inout BackendSettings, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        let place = ValueKind.serverPlace.read(word, &reading)
        var server = BackendSettings.Server(place ?? .address(.unix(path: "")))
        if server.name != nil { server.namePosition = reading.position(of: word.location) }
        var options = directive.arguments.dropFirst()
        while let option = options.popFirst() {
            if option.text == "backup" {
                server.isBackup = true
            } else if option.text == "must_resolve" {
                server.mustResolve = true
                if place != nil, server.name == nil {
                    reading.error(
                        "\(word.shown) has no name that could be resolved", at: option)
                }
            } else if option.text.hasPrefix("weight=") {
                server.weight = readWeight(option, of: place, &reading)
            } else if option.text == "weight" || option.text.hasPrefix("weight:") {
                reading.error(
                    "a weight is one word: write \(weight(option, &options))", at: option)
            } else {
                let name = String(option.text.prefix { $0 != "=" })
                let known = ["weight", "backup", "must_resolve"]
                let hint = Spelling.hint(for: name, among: known)
                reading.error(
                    "expected weight=N, backup or must_resolve, not \(option.shown)\(hint)",
                    at: option)
            }
        }
        if place != nil, settings.servers.contains(where: { $0.place == server.place }) {
            reading.error("\(word.shown) is already a server of this group", at: word)
        }
        settings.servers.append(server)
    }

    private static func readWeight(
        _ option: Word, of place: BackendSettings.Server.Place?, _ reading: inout Reading
    ) -> Int {
        var number = option
        number.text = String(option.text.dropFirst(7))
        number.location = option.location(of: 7, length: max(1, number.text.count))
        if case .name(.service) = place {
            reading.error("the records of a service say the weight of every server", at: option)
        }
        return ValueKind.integer(1...1000).read(number, &reading) ?? 1
    }

    /// What `weight 2` (as HAProxy writes it) and `weight:2` should have been; takes the number
    /// that follows.
    private static func weight(_ option: Word, _ rest: inout ArraySlice<Word>) -> String {
        var number = String(option.text.dropFirst("weight:".count))
        if number.isEmpty, let next = rest.first, UInt(next.text) != nil {
            number = next.text
            rest.removeFirst()
        }
        return "weight=\(UInt(number) == nil ? "N" : number)"
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
