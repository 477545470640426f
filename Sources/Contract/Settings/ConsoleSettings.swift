/// `console ADDRESS { token …; allow_remote on|off }`: where operators ask and give orders.
package struct ConsoleSettings: Sendable, Equatable {
    /// Reachable from this machine only, unless `allowsRemote`.
    package var address: SocketAddressSettings
    /// Where the address stands.
    package var addressPosition = SourcePosition()
    /// What every request must bring as `Authorization: Bearer`.
    package var token: Secret
    package var allowsRemote = false
    package var position = SourcePosition()

    package init(address: SocketAddressSettings, token: Secret) {
        self.address = address
        self.token = token
    }
}
