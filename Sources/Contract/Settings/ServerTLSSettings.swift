/// `tls { … }` in a `backend`: its servers are spoken to with TLS.
package struct ServerTLSSettings: Sendable, Equatable {
    /// Our own certificate, for servers that want one: PEM files, absolute paths.
    package struct OwnCertificate: Sendable, Equatable {
        package var chain: String
        package var key: String
        package var words: TLSSettings.Words

        package init(chain: String, key: String, words: TLSSettings.Words = .init()) {
            self.chain = chain
            self.key = key
            self.words = words
        }
    }

    /// `ca PATH`: PEM, the certificates that may have signed a server's; nil for those that the
    /// system believes.
    package var authorityPath: String?
    /// Where it is named.
    package var authorityPosition = SourcePosition()
    /// False for `verify off`: any certificate will do.
    package var verifies = true
    /// The name that the servers' certificate must be for, which is asked for by SNI, too; nil for
    /// the name of the server, or its address.
    package var serverName: String?
    package var certificate: OwnCertificate?
    package var position = SourcePosition()

    package init() {}
}
