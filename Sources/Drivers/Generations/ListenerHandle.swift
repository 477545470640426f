package import Settings
package import Transport

/// What tells listeners apart over reloads.
package struct ListenerKey: Sendable, Hashable {
    var address: SocketAddressSettings

    package init(address: SocketAddressSettings) { self.address = address }
}

/// A bound socket on its way to the worker that will own it.
package struct ListenerHandle: Sendable {
    package var key: ListenerKey
    package var transfer: DescriptorTransfer
}
