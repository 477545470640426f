internal import Bytes
internal import Forwarding

/// `server 127.0.0.1:8000 weight=2`, `server app.internal:8000 must_resolve`.
enum ServerWords {
    static let synopsis =
        "ADDRESS|HOST:PORT|srv:NAME [weight=N] [max_connections=N] [backup] [down] [must_resolve]"

    /// Words that are followed by `=` and a number.
    private enum Number: String, CaseIterable {
        case weight
        case connections = "max_connections"

        /// What it is called in a sentence.
        var title: String {
            switch self {
            case .weight: "a weight"
            case .connections: "a number of connections"
            }
        }

        var range: ClosedRange<Int> {
            switch self {
            case .weight: 0...1000
            case .connections: 1...1_000_000
            }
        }

        func set(_ value: Int, of server: inout BackendSettings.Server) {
            switch self {
            case .weight: server.weight = value
            case .connections: server.connectionLimit = value
            }
        }
    }

    static func read(
        _ settings: inout BackendSettings, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        let place = ValueKind.serverPlace.read(word, &reading)
        var server = BackendSettings.Server(place ?? .address(.unix(path: "")))
        if server.name != nil { server.namePosition = reading.position(of: word.location) }
        var options = directive.arguments.dropFirst()
        var seen: Set<String> = []
        while let option = options.popFirst() {
            let name = String(option.text.prefix { $0 != "=" && $0 != ":" })
            if !seen.insert(name).inserted {
                reading.error("'\(name.printable())' is set twice for this server", at: option)
            }
            read(option, name, &options, into: &server, &reading)
            guard let place else { continue }
            if name == "must_resolve", server.name == nil {
                reading.error("\(word.shown) has no name that could be resolved", at: option)
            }
            if name == "weight", case .name(.service) = place {
                reading.error(
                    "the records of a service say the weight of every server", at: option)
            }
        }
        if let place, settings.servers.contains(where: { $0.place.isSame(as: place) }) {
            reading.error("\(word.shown) is already a server of this group", at: word)
        }
        settings.servers.append(server)
    }

    private static func read(
        _ option: Word, _ name: String, _ rest: inout ArraySlice<Word>,
        into server: inout BackendSettings.Server, _ reading: inout Reading
    ) {
        if option.text == "backup" {
            server.isBackup = true
        } else if option.text == "down" {
            server.isDown = true
        } else if option.text == "must_resolve" {
            server.mustResolve = true
        } else if let number = Number(rawValue: name) {
            guard option.text.hasPrefix(name + "=") else {
                return reading.error(
                    "\(number.title) is one word: write \(written(number, option, &rest))",
                    at: option)
            }
            let start = name.count + 1
            var digits = option
            digits.text = String(option.text.dropFirst(start))
            digits.location = option.location(of: start, length: max(1, digits.text.count))
            guard let value = ValueKind.integer(number.range).read(digits, &reading) else {
                return
            }
            number.set(value, of: &server)
        } else {
            let words = Number.allCases.map(\.rawValue) + ["backup", "down", "must_resolve"]
            let hint = Spelling.hint(for: name, among: words)
            reading.error(
                "expected weight=N, max_connections=N, backup, down or must_resolve, not"
                    + " \(option.shown)\(hint)",
                at: option)
        }
    }

    /// What `weight 2` (as HAProxy writes it) and `weight:2` should have been; takes the number
    /// that follows.
    private static func written(
        _ number: Number, _ option: Word, _ rest: inout ArraySlice<Word>
    ) -> String {
        var digits = String(option.text.dropFirst(number.rawValue.count + 1))
        if digits.isEmpty, let next = rest.first, UInt(next.text) != nil {
            digits = next.text
            rest.removeFirst()
        }
        return "\(number.rawValue)=\(UInt(digits) == nil ? "N" : digits)"
    }
}

extension BackendSettings.Server.Place {
    /// One server, or the same servers, however it is written.
    fileprivate func isSame(as other: BackendSettings.Server.Place) -> Bool {
        switch (self, other) {
        case (.address(let left), .address(let right)): left.isSame(as: right)
        case (.name(let left), .name(let right)): left == right
        case (.address, .name), (.name, .address): false
        }
    }
}

extension SocketAddressSettings {
    /// One server, however its address is written.
    func isSame(as other: SocketAddressSettings) -> Bool {
        switch (self, other) {
        case (.ip(let left, let leftPort), .ip(let right, let rightPort)):
            leftPort == rightPort
                && (left == right || NumericAddress(left)?.octets == NumericAddress(right)?.octets)
        case (.unix(let left), .unix(let right)): left == right
        case (.ip, .unix), (.unix, .ip): false
        }
    }
}
