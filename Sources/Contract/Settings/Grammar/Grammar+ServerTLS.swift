import Forwarding

/// `tls` in a `backend`: how its servers are spoken to, and whom they have to be.
extension Grammar {
    /// `tls`, `tls { ca PATH; server_name NAME }`.
    static func readServerTLS(
        _ settings: inout BackendSettings, _ directive: Directive, _ reading: inout Reading
    ) {
        var draft = ServerTLSDraft()
        serverTLS.read(directive.block ?? [], of: directive.name, into: &draft, &reading)
        if !draft.settings.verifies, let authority = draft.authority {
            reading.error(
                "'ca' has no effect with 'verify off', which accepts any certificate", at: authority
            )
        }
        draft.settings.certificate = ownCertificate(draft, &reading)
        draft.settings.position = reading.position(of: directive.name.location)
        settings.tls = draft.settings
    }

    static func readAuthority(
        _ draft: inout ServerTLSDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        draft.authority = directive.name
        draft.settings.authorityPath = ValueKind<String>.existingFile.read(word, &reading)
        draft.settings.authorityPosition = reading.position(of: word.location)
    }

    static func readVerification(
        _ draft: inout ServerTLSDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        guard let isOn = ValueKind.onOff.read(directive.arguments[0], &reading) else { return }
        draft.settings.verifies = isOn
        guard !isOn else { return }
        reading.warn(
            "with 'verify off' any server can pretend to be the app: the connection is encrypted,"
                + " but not secure (name the certificate's authority with 'ca PATH')",
            at: directive.name.location)
    }

    /// A host name, or an address that stands in the certificate.
    static func readExpectedName(
        _ draft: inout ServerTLSDraft, _ directive: Directive, _ reading: inout Reading
    ) {
        let word = directive.arguments[0]
        if NumericAddress(word.text) != nil {
            draft.settings.serverName = word.text.lowercased()
        } else if word.text.hasPrefix("*") {
            reading.error(
                "\(word.shown) is a pattern: write the name that the certificate has to match",
                at: word)
        } else {
            draft.settings.serverName = ValueKind<String>.serverName.read(word, &reading)
        }
    }

    private static func ownCertificate(
        _ draft: ServerTLSDraft, _ reading: inout Reading
    ) -> ServerTLSSettings.OwnCertificate? {
        let chain = draft.certificate.flatMap { ValueKind.existingFile.read($0, &reading) }
        let key = draft.key.flatMap { ValueKind.existingFile.read($0, &reading) }
        if let word = draft.certificate, draft.key == nil {
            reading.error("a certificate needs its 'key PATH' beside it", at: word)
        }
        if let word = draft.key, draft.certificate == nil {
            reading.error("a key needs its 'certificate PATH' beside it", at: word)
        }
        guard let chain, let key, let certificate = draft.certificate, let keyWord = draft.key
        else { return nil }
        return ServerTLSSettings.OwnCertificate(
            chain: chain, key: key,
            words: TLSSettings.Words(
                certificate: reading.position(of: certificate.location),
                key: reading.position(of: keyWord.location)))
    }

    /// The certificate of a server at a path has to be for some name.
    static func checkServerNames(
        _ settings: BackendSettings, _ paths: [Word], _ reading: inout Reading
    ) {
        guard let tls = settings.tls, tls.verifies, tls.serverName == nil, let word = paths.first
        else { return }
        reading.error(
            "\(word.shown) has no name that its certificate could be for: write 'server_name NAME'"
                + " in 'tls'", at: word)
    }
}
