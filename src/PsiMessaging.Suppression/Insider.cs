namespace PsiMessaging.Suppression;

/// <summary>
/// Somebody who knows the values of some cells beforehand: the only contributor of a cell knows it, and with it, in a row of two hidden cells, the other
/// one's (sdcTools UserSupport#135). Against every one of them the cells that they do not know stay protected as <see cref="IsFull"/> says. Several who tell
/// each other what they know are one insider.
/// </summary>
/// <param name="Knows">The cells they know, as indices into <see cref="LinkedTables.Cells"/>.</param>
/// <param name="IsFull">True: with the protection that holds against everybody. False: the value must not follow exactly.</param>
public sealed record Insider(IReadOnlyList<int> Knows, bool IsFull = false);
