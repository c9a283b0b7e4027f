namespace PsiMessaging.Data;

/// <summary>Something is wrong with a person's input. The message is one line: what, where, and what to do; it never holds an identifier or a value.</summary>
public sealed class InputException(string message, Exception? inner = null) : Exception(message, inner);
