/// `resolver`: who is asked for the addresses of servers.
extension Grammar {
    /// `resolver 10.0.0.53 10.0.1.53:5353 { timeout 1s }`, `resolver { max_ttl 1m }`.
    static func readResolver(
        _ document: inout Document, _ directive: Directive, _ reading: inout Reading
    ) {
        document.resolver = directive.name
        var settings = ResolverSettings()
        for word in directive.arguments {
            guard let address = ValueKind.nameServer.read(word, &reading) else { continue }
            append(address, to: &settings.addresses, word, &reading)
        }
        if settings.addresses.isEmpty, directive.block == nil, directive.arguments.isEmpty {
            reading.error(
                "'resolver' needs the address of a name server, or a block (expected: resolver"
                    + " [ADDRESS…] { … })", at: directive.name)
        }
        resolver.read(directive.block ?? [], of: directive.name, into: &settings, &reading)
        if settings.leastTTL > settings.mostTTL {
            reading.error("'min_ttl' must not be longer than 'max_ttl'", at: directive.name)
        }
        document.settings.resolver = settings
    }
}
