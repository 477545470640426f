internal import Bytes

extension ValueKind where Value == Secret {
    /// `env:NAME` or `file:PATH`; never the secret itself, and nothing of it in a message.
    static let secret = ValueKind { word, reading in
        if word.written != nil {
            reading.error(
                "a secret is named here, not inserted: write env:NAME for the environment variable"
                    + " NAME", at: word)
            return nil
        }
        if word.text.hasPrefix("env:") { return environment(word, &reading) }
        if word.text.hasPrefix("file:") { return file(word, &reading) }
        reading.error(
            "a secret must not be written into the configuration: write env:NAME for an"
                + " environment variable or file:PATH for a file that contains it", at: word)
        return nil
    }

    private static func environment(_ word: Word, _ reading: inout Reading) -> Secret? {
        let name = String(word.text.dropFirst(4))
        guard !name.isEmpty, !name.contains("="), !name.contains("\0") else {
            reading.error("expected the name of an environment variable after 'env:'", at: word)
            return nil
        }
        guard let value = reading.world.environment(name) else {
            reading.error(
                "the environment variable '\(name.printable())' is not set", at: word)
            return nil
        }
        return filled(Array(value.utf8), "the environment variable", word, &reading)
    }

    private static func file(_ word: Word, _ reading: inout Reading) -> Secret? {
        let name = String(word.text.dropFirst(5))
        guard !name.isEmpty, !name.contains("\0") else {
            reading.error("expected a path after 'file:'", at: word)
            return nil
        }
        let path = reading.resolve(name, from: word)
        do {
            var octets = try reading.world.read(path, limit: Reading.maximumSecretSize)
            // Editors and `echo` end a file with a line break; it is no part of the secret.
            if octets.last == 0x0A { octets.removeLast() }
            if octets.last == 0x0D { octets.removeLast() }
            return filled(octets, "the file", word, &reading)
        } catch {
            let reason = error.reason(limit: Reading.maximumSecretSize)
            reading.error("cannot read '\(path.printable())': \(reason)", at: word)
            return nil
        }
    }

    private static func filled(
        _ octets: [UInt8], _ holder: String, _ word: Word, _ reading: inout Reading
    ) -> Secret? {
        if octets.isEmpty {
            reading.error("\(holder) contains an empty secret", at: word)
            return nil
        }
        return Secret(octets)
    }
}
